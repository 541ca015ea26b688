// SPDX-License-Identifier: Apache-2.0
// Names that both sides of NETCONF share.
#pragma once

#define NETCONF_PORT_SSH 830            // RFC 6242
#define NETCONF_PORT_TLS 6513           // RFC 7589
#define NETCONF_PORT_CALL_HOME_SSH 4334 // RFC 8071
#define NETCONF_PORT_CALL_HOME_TLS 4335 // RFC 8071

#define NETCONF_NS_BASE "urn:ietf:params:xml:ns:netconf:base:1.0"
#define NETCONF_NS_NOTIFICATION "urn:ietf:params:xml:ns:netconf:notification:1.0"
#define NETCONF_NS_EVENTS "urn:ietf:params:xml:ns:netmod:notification" // of nc-notifications
#define NETCONF_NS_NMDA "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
// Inside error-info: what a struct diag has beyond RFC 6241.
#define NETCONF_NS_DIAGNOSTIC "urn:bulwark:netconf-diagnostic"

#define NETCONF_BASE_1_0 "urn:ietf:params:netconf:base:1.0"
#define NETCONF_BASE_1_1 "urn:ietf:params:netconf:base:1.1"
#define NETCONF_CAP_CANDIDATE "urn:ietf:params:netconf:capability:candidate:1.0"
#define NETCONF_CAP_CONFIRMED_COMMIT "urn:ietf:params:netconf:capability:confirmed-commit:1.1"
#define NETCONF_CAP_ROLLBACK_ON_ERROR "urn:ietf:params:netconf:capability:rollback-on-error:1.0"
#define NETCONF_CAP_VALIDATE "urn:ietf:params:netconf:capability:validate:1.1"
#define NETCONF_CAP_STARTUP "urn:ietf:params:netconf:capability:startup:1.0"
#define NETCONF_CAP_NOTIFICATION "urn:ietf:params:netconf:capability:notification:1.0"
#define NETCONF_CAP_XPATH "urn:ietf:params:netconf:capability:xpath:1.0"
#define NETCONF_CAP_PARTIAL_LOCK "urn:ietf:params:netconf:capability:partial-lock:1.0" // RFC 5717
#define NETCONF_CAP_WITH_DEFAULTS "urn:ietf:params:netconf:capability:with-defaults:1.0"
#define NETCONF_CAP_YANG_LIBRARY_1_0 "urn:ietf:params:netconf:capability:yang-library:1.0"
#define NETCONF_CAP_YANG_LIBRARY "urn:ietf:params:netconf:capability:yang-library:1.1" // RFC 8526

#define NETCONF_MESSAGE_MOST (256u << 20)
