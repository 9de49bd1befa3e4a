// What still keeps the process alive when all tests are over. A run ends by itself, so a kernel, child process or
// server that a test forgot would hold it for ever: this names the test since which it is there, and fails the run.

/** How long after the last test whatever is being closed may take. */
const GRACE_MS = 20_000;

/** Resources that were active after a test, and the first test since which all of them were. */
let active = '';
let since = '';

function activeResources(): string {
  return process.getActiveResourcesInfo().sort().join(', ');
}

export const mochaHooks = {
  afterEach(this: Mocha.Context): void {
    const now = activeResources();
    if (now === active) return;
    active = now;
    since = this.currentTest?.fullTitle() ?? '?';
  },
  afterAll(): void {
    setTimeout(() => {
      process.stderr.write(`\nThe tests are over, but these keep the process alive: ${activeResources()}\n(after the last test: ${active}; the same since: ${since})\n`);
      // Behind mocha's own, which sets the number of failures.
      process.on('exit', () => { process.exitCode = 1; });
      process.exit();
    }, GRACE_MS).unref();
  },
};
