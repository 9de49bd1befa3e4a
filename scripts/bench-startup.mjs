// Start-up time: `node -e 0` and small programs under the command, in turn; best and median of each.
// node scripts/bench-startup.mjs [rounds]
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const troupe = [join(root, 'packages/cli/bin/troupe.cjs'), 'do', '--cores', '2', '--'];
const COMMANDS = { 'node -e 0': ['-e', '0'], 'troupe do -- /bin/true': [...troupe, '/bin/true'], 'troupe do -- /bin/echo hi': [...troupe, '/bin/echo', 'hi'] };
const rounds = Number(process.argv[2] ?? 15);
const POLL_MS = 4;
const TICK_MS = 10;

/** Peak resident memory in MB and CPU time in ms so far, or undefined when the process is gone. */
function usageOf(pid) {
  try {
    const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return { memoryMb: peakKb / 1024, cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
  } catch {
    return undefined;
  }
}

/** Not ours to measure: with it Node reads all certificates before it starts (docs/adr/0011-start-up.md). */
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;

function runOnce(args) {
  return new Promise((done) => {
    const startMs = performance.now();
    const child = spawn(process.execPath, args, { stdio: 'ignore', env });
    let last = { memoryMb: 0, cpuMs: 0 };
    const timer = setInterval(() => (last = usageOf(child.pid) ?? last), POLL_MS);
    child.on('exit', (code) => {
      clearInterval(timer);
      if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}`);
      done({ wallMs: performance.now() - startMs, ...last });
    });
  });
}

const runs = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, []]));
for (let i = 0; i < rounds; i++) for (const [name, args] of Object.entries(COMMANDS)) runs[name].push(await runOnce(args));

const sorted = (name, field) => runs[name].map((run) => run[field]).sort((a, b) => a - b);
const baseMs = sorted('node -e 0', 'wallMs')[0];
for (const name of Object.keys(COMMANDS)) {
  const wall = sorted(name, 'wallMs');
  const memory = sorted(name, 'memoryMb').at(-1);
  console.log(`${name.padEnd(28)} best ${wall[0].toFixed(0)} ms (${(wall[0] / baseMs).toFixed(2)} × node), median ${wall[rounds >> 1].toFixed(0)} ms, CPU ${sorted(name, 'cpuMs')[0]} ms, ${memory.toFixed(0)} MB`);
}
