/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Numbers in maps and variables as Prometheus' text format says them. All samples of a metric stand
 * together there, so each metric has a text of its own, and they are put together at the end.
 *
 *     skep_map_value{map="counts",pid="12",field="reads"} 3
 *     skep_map_hist_bucket{map="hists",key="0",le="1"} 5      (cumulative), …_count
 *     skep_variable{name="total"} 7
 */
#ifndef EVENT_METRICS_H
#define EVENT_METRICS_H

#include "event/value.h"

#define METRICS_MAX_SAMPLES 100000 /* of one answer */

struct event_metrics {
	struct strbuf values, hists, vars;
	u32 nr;
	bool cut; /* there were more than METRICS_MAX_SAMPLES */
};

int event_metrics_map(struct event_metrics *m, const struct event_map_io *io, const struct btf *btf,
		      struct skep_diag *diag);
int event_metrics_var(struct event_metrics *m, const struct btf *btf, u32 type_id, const char *name,
		      const void *data, size_t size);

/* All of it, with what Prometheus wants to know of each metric. */
void event_metrics_put(struct strbuf *sb, const struct event_metrics *m);
void event_metrics_done(struct event_metrics *m);

/* name="value", escaped; also what else the format asks of a value. */
void metrics_label(struct strbuf *sb, const char *name, const char *value, size_t len);

#endif
