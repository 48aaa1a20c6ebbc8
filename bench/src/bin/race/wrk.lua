-- Sends the requests of a file in turns, and says in one line what came of them. In the file each request follows a line
-- with its length.

local requests, sent = {}, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for length in function() return file:read("*l") end do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    "race %d %d %d %d %d %d\n",
    summary.requests, summary.bytes, errors.status, broken, latency:percentile(50), latency:percentile(99)
  ))
end
