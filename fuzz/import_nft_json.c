// SPDX-License-Identifier: Apache-2.0
// The same promises as fuzz/import_nft.c, for the JSON.
#define FORMAT IMPORT_NFT_JSON
#include "import_nft.c"
