// SPDX-License-Identifier: Apache-2.0
// Inside the folder: texts of whatever origin as JSON strings and XML content. Bytes that are not
// UTF-8 become '?'.
#pragma once

struct buf;

void text_json(struct buf *out, const char *text);
void text_xml(struct buf *out, const char *text);
