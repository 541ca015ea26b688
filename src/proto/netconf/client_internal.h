// SPDX-License-Identifier: Apache-2.0
// Between client.c and client_blocking.c.
#pragma once

#include "proto/netconf/client.h"

// The loop that netconf_client_connect made; freed with the client.
void netconf_client_own_loop(struct netconf_client *client, struct io_loop *loop);
struct io_loop *netconf_client_loop(struct netconf_client *client) must_check;
// How many have come.
unsigned netconf_client_notifications(const struct netconf_client *client) must_check;
