// SPDX-License-Identifier: Apache-2.0
// What the agent says, as XML of bulwark-nsf.
#pragma once

#include "agent/message.h"

#define AGENT_MODULE "bulwark-nsf"
#define AGENT_NAMESPACE "urn:bulwark:nsf"

// <nsf-state>
void agent_xml_report(const struct agent_report *report, const char *name, struct buf *out);
// The output of verify.
void agent_xml_proof(const struct agent_proof *proof, struct buf *out);
// The content of a notification, for COMMITTED, REVERTED, DRIFT, REPAIRED and CLOSED.
void agent_xml_records(const struct agent_records *records, struct buf *out);
void agent_xml_notice(const struct agent_message *notice, struct buf *out);
