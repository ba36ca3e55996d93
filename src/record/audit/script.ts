/**
 * KEYS: entries (stream), head (hash). ARGV: the head that the entries follow (its number and hash, or '' and '' where there is none), the name
 * of the source that they are from or '', its new position, the oldest time that is kept (ms), the bytes that are kept, then for each entry:
 * number, hash, time, JSON.
 * Appends them all, and cuts off the oldest, in one step; or returns 0 where the head is another by now.
 */
export const APPEND = `
local head = redis.call('HMGET', KEYS[2], 'seq', 'hash')
if (head[1] or '') ~= ARGV[1] or (head[2] or '') ~= ARGV[2] then return 0 end
for index = 7, #ARGV, 4 do
  redis.call('XADD', KEYS[1], ARGV[index] .. '-0', 'hash', ARGV[index + 1], 'at', ARGV[index + 2], 'entry', ARGV[index + 3])
  redis.call('HSET', KEYS[2], 'seq', ARGV[index], 'hash', ARGV[index + 1])
  redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[index + 3])
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'source ' .. ARGV[3], ARGV[4]) end
local oldest, most = tonumber(ARGV[5]), tonumber(ARGV[6])
for _ = 1, 1000 do
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if not first then break end
  local seq, fields = string.match(first[1], '^%d+'), first[2]
  if seq == redis.call('HGET', KEYS[2], 'seq') then break end
  if tonumber(fields[4]) >= oldest and tonumber(redis.call('HGET', KEYS[2], 'bytes')) <= most then break end
  redis.call('XDEL', KEYS[1], first[1])
  redis.call('HINCRBY', KEYS[2], 'bytes', -#fields[6])
  redis.call('HSET', KEYS[2], 'cut', seq, 'cutHash', fields[2])
end
return 1
`
