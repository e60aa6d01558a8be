#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# --metrics in the user engine: what is answered, and that it is Prometheus' format to the letter.
# shellcheck source=tests/tap.sh
. tests/tap.sh
B=${B:-build}
skep=$B/skep

"$skep" run --metrics 0 tests/cli/progs/metrics.bpf.c -q -- true 2>"$tmp/err" >/dev/null
if grep -q libmicrohttpd "$tmp/err"; then
	echo "1..0 # SKIP libmicrohttpd is not installed"
	exit 0
fi

# fetch HOST:PORT REQUEST-LINE: the whole answer
fetch() {
	exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
	printf '%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$2" >&3
	timeout 10 cat <&3
	exec 3>&-
}

# The traced command waits until we have asked.
mkfifo "$tmp/go"
printf '#!/bin/sh\nkill -0 $$; kill -0 $$; kill -0 $$; : >"%s/ready"; read x <"%s/go"\n' "$tmp" "$tmp" >"$tmp/we\"ird\\"
chmod +x "$tmp/we\"ird\\"
"$skep" run --metrics :0 tests/cli/progs/metrics.bpf.c -- "$tmp/we\"ird\\" >"$tmp/out" 2>"$tmp/err" &
pid=$!
for _ in $(seq 200); do
	[ -e "$tmp/ready" ] && break
	sleep 0.05
done
addr=$(sed -n 's|^skep: metrics at http://\(.*\)/metrics$|\1|p' "$tmp/err")
has "$addr" '^127\.0\.0\.1:[1-9][0-9]*$' "without an address it is the loopback interface"
fetch "$addr" "GET /metrics" | tr -d '\r' >"$tmp/answer"
fetch "$addr" "GET /other" | head -n 1 | tr -d '\r' >"$tmp/other"
fetch "$addr" "POST /metrics" | head -n 1 | tr -d '\r' >"$tmp/post"
echo >"$tmp/go"
wait $pid
is $? 0 "the run ends as usual"
is "$(head -n 1 "$tmp/answer")" "HTTP/1.1 200 OK" "/metrics is answered"
has "$(cat "$tmp/answer")" '^Content-Type: text/plain; version=0\.0\.4' "with the format's type"
has "$(cat "$tmp/other")" ' 404 ' "nothing else is"
has "$(cat "$tmp/post")" ' 405 ' "and only GET"
sed '1,/^$/d' "$tmp/answer" >"$tmp/text"

perl tests/cli/prometheus.pl "$tmp/text" >"$tmp/lint"
is "$(cat "$tmp/lint")" "" "the text is Prometheus' format"
text=$(cat "$tmp/text")
has "$text" '^skep_info\{object="tests/cli/progs/metrics.bpf.c",engine="user"\} 1$' "what runs"
has "$text" '^skep_map_value\{map="calls",sig="0",comm="we\\"ird\\\\",field="nr"\} 3$' "a struct key has a label per member"
has "$text" '^skep_map_value\{map="calls",sig="0",comm="we\\"ird\\\\",field="last"\} -7$' "signed numbers"
has "$text" '^skep_map_value\{map="percpu",key="1"\} 3$' "values of all CPUs are added up"
has "$text" '^skep_map_hist_bucket\{map="hist",le="31"\} 0$' "a histogram is empty below"
has "$text" '^skep_map_hist_bucket\{map="hist",le="63"\} 3$' "a histogram counts up"
has "$text" '^skep_map_hist_bucket\{map="hist",le="\+Inf"\} 3$' "to its end"
has "$text" '^skep_map_hist_count\{map="hist"\} 3$' "and has a count"
has "$text" '^skep_variable\{name="total"\} 3$' "variables"
has "$text" '^skep_events_delivered_total\{buffer="rb"\} 3$' "events by buffer"
has "$text" '^skep_events_lost_total\{buffer="rb"\} 0$' "losses by buffer"

# The checker itself: what it must not let pass.
bad() { # TEXT NAME
	printf '%b' "$1" >"$tmp/bad"
	[ -n "$(perl tests/cli/prometheus.pl "$tmp/bad")" ]
	ok $? "the checker refuses: $2"
}
bad 'a 1' "no newline at the end"
bad 'a{x="1} 1\n' "an open string"
bad 'a{x="\\q"} 1\n' "an unknown escape"
bad 'a 1\na 2\n' "the same sample twice"
bad 'a 1\nb 1\na{x="1"} 2\n' "a metric in two places"
bad '# TYPE a counter\na x\n' "no number"
bad '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_count 1\n' "a histogram that falls"

for bad in x 99999 1.2.3:9100 '::1:9100' '[::1:9100' ':' '1.2.3.4:' 'example.com:80'; do
	"$skep" run --metrics "$bad" tests/cli/progs/metrics.bpf.c -- true 2>"$tmp/err" >/dev/null
	is $? 2 "--metrics $bad is a usage error"
done
"$skep" run --metrics "$addr" --help >/dev/null
ok $? "--help comes first"

# Losses: a burst into a small buffer.
"$skep" run tests/cli/progs/metrics.bpf.c --burst 200 -o json --fail-on-loss -- sh -c 'kill -0 $$' >"$tmp/out" 2>"$tmp/err"
is $? 1 "--fail-on-loss is the exit status"
lost=$(sed -n 's/^{"buffer":"rb","delivered":[0-9]*,"lost":\([0-9]*\)}$/\1/p' "$tmp/out")
has "$lost" '^[1-9]' "JSON says which buffer lost"
has "$(cat "$tmp/err")" "^rb: $lost of 200 events were lost\$" "and the summary"
has "$(cat "$tmp/err")" "^events: 200 produced = $((200 - lost)) delivered \+ $lost lost\$" "the books balance"
"$skep" run tests/cli/progs/metrics.bpf.c -q --fail-on-loss -- sh -c 'kill -0 $$; exit 3' >"$tmp/out" 2>&1
is $? 3 "without losses it is the command's status"
tap_done
