/**
 * KEYS: known commits (by name), known commits (by time), what each application carries. ARGV: prefix of the keys of commits, retention in ms
 * (0: none), cap, `<cluster>/<application>`, time of the result, its commit, whether the cluster carries that now (1/0), note as JSON, then the
 * commits that it passed over.
 *
 * Of a commit and an application it keeps the newest note, the first one that settled, and who took its place. The newest by the results' own times
 * wins, so that a replica that lags behind, or folds the same result again, changes nothing.
 */
export const INDEX_COMMIT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local prefix, retention, cap, place, at, sha = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]

local function newest(key, field, text)
  local before = redis.call('HGET', key, field)
  if before and tonumber(string.match(before, '^%d+')) > tonumber(at) then return end
  redis.call('HSET', key, field, at .. ' ' .. text)
end

local function know(commit)
  redis.call('ZADD', KEYS[1], 0, commit)
  redis.call('ZADD', KEYS[2], 'GT', at, commit)
  if retention > 0 then redis.call('PEXPIRE', prefix .. commit, retention) else redis.call('PERSIST', prefix .. commit) end
end

local function forget(commit)
  redis.call('DEL', prefix .. commit)
  redis.call('ZREM', KEYS[1], commit)
  redis.call('ZREM', KEYS[2], commit)
end

newest(prefix .. sha, place .. '/last', ARGV[8])
if ARGV[7] == '1' then
  redis.call('HSETNX', prefix .. sha, place .. '/first', at .. ' ' .. ARGV[8])
  local carried = redis.call('HGET', KEYS[3], place)
  local since, before = string.match(carried or '', '^(%d+) (%x+)$')
  if before and before ~= sha and tonumber(since) < tonumber(at) and redis.call('EXISTS', prefix .. before) == 1 then
    newest(prefix .. before, place .. '/superseded', sha)
  end
  newest(KEYS[3], place, sha)
end
know(sha)
for index = 9, #ARGV do
  newest(prefix .. ARGV[index], place .. '/superseded', sha)
  know(ARGV[index])
end
if retention > 0 then
  for _, commit in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - retention), 'LIMIT', 0, 8)) do forget(commit) end
end
local beyond = math.min(redis.call('ZCARD', KEYS[2]) - cap, 8)
if beyond > 0 then for _, commit in ipairs(redis.call('ZRANGE', KEYS[2], 0, beyond - 1)) do forget(commit) end end
return 1
`
