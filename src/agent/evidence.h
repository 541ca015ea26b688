// SPDX-License-Identifier: Apache-2.0
// The records of proofs that this function keeps, signed with the enforcer's own key. Files of the state directory:
//   evidence      the records and their signatures, as lines of a bundle; the oldest go when there are too many
//   evidence.key  made once; front cannot read it, and no message makes the enforcer sign anything but a proof
//   evidence.pem  its certificate, when the authority has given one
#pragma once

#include "agent/message.h"
#include "evidence/evidence.h"

struct agent_evidence;

#define AGENT_EVIDENCE_KEY "evidence.key"
#define AGENT_EVIDENCE_CERTIFICATE "evidence.pem"
#define AGENT_EVIDENCE_KEPT (4u << 20) // bytes; when there are more, the older half goes
#define AGENT_EVIDENCE_ASKED 100u      // records of one answer

// `name`: of this function. A file whose end cannot be read is cut there, and a new chain begins. NULL and diags
// when file or key cannot be used. Makes the key when there is none.
struct agent_evidence *agent_evidence_open(const char *state_dir, const char *name,
					   struct diags *diags) must_check;
void agent_evidence_free(struct agent_evidence *evidence); // NULL is fine
// Signs and keeps what was found; nsf, chain, serial, previous, key and kernel are filled in here. False and a diag when
// it could not be written: then it was never made.
bool agent_evidence_add(struct agent_evidence *evidence, const struct evidence_record *found,
			struct diags *diags, uint64_t *serial_out) must_check;
// 0 to 255; another one with every record.
unsigned agent_evidence_chance(const struct agent_evidence *evidence) must_check;
// Those behind `asked`, or the oldest if there is no such record, at most AGENT_EVIDENCE_ASKED. What is given out here
// survives a power cut. Texts live in the arena.
void agent_evidence_list(struct agent_evidence *evidence, const struct agent_evidence_ask *asked,
			 struct arena *arena, struct agent_records *out);

// The key and a request for its certificate, appended to `out`.
bool agent_evidence_request(const char *state_dir, const char *name, struct diags *diags,
			    struct buf *out) must_check;
// Takes the certificate for that key into use.
bool agent_evidence_certify(const char *state_dir, const char *certificate,
			    struct diags *diags) must_check;
