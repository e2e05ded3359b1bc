-- One signed webhook, sent again and again. WEBHOOK_BODY names the payload's file, WEBHOOK_SIGNATURE is its signature.
local file = assert(io.open(os.getenv("WEBHOOK_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "GitHub-Hookshot/044aadd"
wrk.headers["X-GitHub-Delivery"] = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
wrk.headers["X-GitHub-Event"] = "pull_request"
wrk.headers["X-GitHub-Hook-ID"] = "292430182"
wrk.headers["X-Hub-Signature-256"] = os.getenv("WEBHOOK_SIGNATURE")

-- For the script that reads it: answers, those that were not 2xx, microseconds.
function done(summary, latency, _requests)
	local errors = summary.errors
	local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
	io.write(string.format(
		"RESULT requests=%d failed=%d us=%d p50_us=%d p99_us=%d\n",
		summary.requests, failed, summary.duration, latency:percentile(50), latency:percentile(99)
	))
end
