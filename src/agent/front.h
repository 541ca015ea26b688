// SPDX-License-Identifier: Apache-2.0
// The process that talks to the network.
#pragma once

struct backend_ops;

// The whole life of front, on the descriptors AGENT_FD_*. Returns the exit status.
int agent_front_run(const struct backend_ops *ops);
