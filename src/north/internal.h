// SPDX-License-Identifier: Apache-2.0
// Inside the folder: exchanges, workspaces, resources.
#pragma once

#include "access/access.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "engine/engine.h"
#include "north/north.h"
#include "pki/pki.h"
#include "proto/restconf/restconf.h"
#include "proto/restconf/writer.h"
#include "schema/schema.h"
#include "verify/verify.h"

#include <pthread.h>

#define NORTH_MODULE "bulwark-controller"
#define NORTH_NAMESPACE "urn:bulwark:yang:controller"
#define NORTH_CFI "ietf-i2nsf-cons-facing-interface"

// --- schemas, lent to one request at a time (workspace.c) ---

struct workspace {
	struct schema *schema;
	bool used;
	// Documents as they were read last.
	struct document {
		struct schema_tree *tree;
		uint32_t id;
		char *tenant;
	} document[STORE_KINDS]; // by enum store_kind
	struct access *access;   // as document[STORE_ACCESS] says; NULL: to be made
};
struct workspaces {
	struct access_counts counts;
	const char *recovery; // the operator whom access control does not bind; NULL: nobody
	pthread_mutex_t mutex;
	pthread_cond_t free;
	struct workspace *at;
	unsigned len;
};
bool workspaces_init(struct workspaces *workspaces, unsigned len, struct diags *diags) must_check;
void workspaces_fini(struct workspaces *workspaces);
struct workspace *workspace_take(struct workspaces *workspaces);
void workspace_give(struct workspaces *workspaces, struct workspace *workspace);
// The document in force, validated. NULL and diags on failure. Whoever changes the tree takes that back before the workspace
// is given back, or has made it a revision.
struct document *workspace_document(struct workspace *workspace, struct engine *engine,
				    enum store_kind kind, const char *tenant,
				    struct diags *diags) must_check;
// The tree has become this revision.
void workspace_renew(struct workspace *workspace, enum store_kind kind, uint32_t id);
// The rights of somebody, to be given back. NULL and diags: the database has failed.
struct access_user *workspace_user(struct workspace *workspace, struct workspaces *workspaces,
				   struct engine *engine, const struct access_who *who,
				   struct diags *diags) must_check; // guard.c
// The access control of a controller on which nobody has configured any, as XML.
extern const char north_nacm[];
// Another one like theirs, to be freed; NULL and diags on failure.
struct schema *workspace_schema(struct diags *diags) must_check;
const char *workspace_namespace(void *workspace, const char *module); // restconf_namespace_fn

// --- one request and its answer (serve.c) ---

struct stream_options;

struct exchange {
	struct engine *engine;
	struct workspaces *workspaces;
	struct arena arena;
	struct diags diags;
	// Who asks.
	bool anonymous; // no acceptable certificate
	enum pki_role role;
	struct engine_caller caller;
	struct access_who access;
	const char *certificate;            // PEM; NULL: none
	const char *refused, *refused_hint; // why the certificate that was shown is not accepted
	// What is asked.
	struct restconf_raw raw;
	struct restconf_request request;
	struct buf body;
	struct verify_control
		asked; // of a question to the analysis: set `stop` when nobody waits for the answer
	// The answer.
	unsigned status;
	struct buf out;
	const char *type, *location, *allow, *accept_patch, *tag; // headers; NULL: absent
	int64_t modified;                                         // 0: not known
	const struct stream_options *stream; // the answer is an event stream; NULL: it is not
	bool is_answered; // `out` is the answer, also when the status is an error
};
// `ask_tenant` is the header Bulwark-Tenant, or NULL.
void exchange_init(struct exchange *x, struct engine *engine, struct workspaces *workspaces);
void exchange_fini(struct exchange *x);
// Who a verified certificate makes the asker.
void exchange_identify(struct exchange *x, const struct pki_identity *identity,
		       const char *ask_tenant);
// Answers: reads x->raw and x->body, writes the answer.
void exchange_serve(struct exchange *x);

// The asker's rights, as workspace_user.
struct access_user *exchange_user(struct exchange *x, struct workspace *w) must_check;
// Whose document of this kind the asker works on; NULL: it is none of the asker's business.
const char *exchange_owner(const struct exchange *x, enum store_kind kind) must_check;
// Writes x->diags as the answer.
void exchange_errors(struct exchange *x);

// Each returns the status; 4xx and 5xx with diags.
unsigned data_get(struct exchange *x);       // data.c
unsigned data_options(struct exchange *x);   // data.c
unsigned data_write(struct exchange *x);     // edit.c
unsigned library_text(struct exchange *x);   // library.c
unsigned operation_call(struct exchange *x); // operations.c
void operation_list(struct exchange *x);

// The status that these diags are, with a diag added.
unsigned exchange_refuse(struct exchange *x, unsigned status, const struct diag *about,
			 const char *text);
// The documents that a resource is of, as bits 1 << enum store_kind; 0: it is state alone.
unsigned exchange_documents(const struct schema_resource *resource) must_check;
// Their entity tag for the asker, and when they were changed; NULL for no document.
const char *exchange_tag(struct exchange *x, unsigned documents, int64_t *modified_out);
// Whether it can be written, by methods that fit it (edit.c).
bool edit_is_writable(const struct schema_resource *resource) must_check;

// --- evidence (evidence.c) ---

struct evidence_rows {
	struct arena *arena;
	VEC(struct store_evidence) row; // oldest first
};
// 0 or a negative errno.
int evidence_read_rows(struct exchange *x, const struct store_evidence_query *query,
		       struct evidence_rows *out) must_check;
void evidence_write_rows(struct restconf_writer *out, const struct evidence_rows *rows);
// The container of an NSF's last record; NULL: nothing.
void evidence_write_last(struct restconf_writer *out, const struct store_evidence *last);

// --- state (state.c, library.c) ---

// Appends XML of the state below a top-level node to `out`; false and diags on failure.
struct state_want {
	const char *module, *name; // of the top-level node; NULL: all
	const char *nsf;           // only this one; NULL: all
	bool rules;
};
bool state_write(struct exchange *x, struct workspace *workspace, const struct state_want *want,
		 struct buf *out) must_check;
// The names of our top-level nodes that hold state; NULL behind the last.
const char *state_name(size_t i) must_check;
// The leaves of the grouping diag.
void state_diag(struct restconf_writer *out, const struct diag *diag);
const char *state_outcome(int outcome) must_check; // of an event
// What the asker may see of other tenants' records: operators all (NULL), others none.
const char *tenant_seen(const struct exchange *x) must_check;
void library_write(struct exchange *x, const struct schema *schema, const char *name,
		   struct buf *out);
