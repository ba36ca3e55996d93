// Preloaded into the process of each test file: one that does not end would hold up the whole run for ever. (`--test-timeout` is about tests.)
const WITHIN_MS = Number(process.env['GITWAKE_TEST_FILE_SECONDS'] ?? 15 * 60) * 1000

if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  setTimeout(() => {
    const held = process.getActiveResourcesInfo().join(', ')
    process.stderr.write(`gitwake: ${process.argv[1]} did not end within ${WITHIN_MS / 1000} s; what holds it: ${held}\n`)
    process.exit(1)
  }, WITHIN_MS).unref()
}
