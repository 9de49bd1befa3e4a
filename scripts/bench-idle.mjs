#!/usr/bin/env node
/**
 * What an idle kernel costs the host: CPU time and wake-ups of all its threads while every task of the
 * guest waits.
 *
 *   pnpm bench:idle [--tasks N] [--seconds S] [--cores N]
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TICKS_PER_SECOND = 100;
/** V8's helper threads go on for some seconds after the last program started. */
const SETTLE_SECONDS = 8;

const text = { type: 'string' };
const { values } = parseArgs({ options: { tasks: { ...text, default: '100' }, seconds: { ...text, default: '10' }, cores: { ...text, default: '2' } } });
const tasks = Number(values.tasks);
const seconds = Number(values.seconds);

/** CPU seconds and voluntary context switches of a process so far. */
function usage(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
  let wakeUps = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    wakeUps += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1'))[1]);
  }
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, wakeUps };
}

const script = `i=0; while [ $i -lt ${tasks} ]; do sleep 100000 & i=$((i+1)); done; echo ready; wait`;
const child = spawn(process.execPath, [join(ROOT, 'packages/cli/bin/troupe.cjs'), 'do', '--cores', values.cores, '--', '/bin/sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  await new Promise((done, fail) => {
    child.stdout.once('data', done);
    child.once('exit', () => fail(new Error('the guest ended')));
  });
  await sleep(SETTLE_SECONDS * 1000);
  const before = usage(child.pid);
  await sleep(seconds * 1000);
  const after = usage(child.pid);
  const percent = ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100;
  console.log(`${tasks} waiting tasks, ${values.cores} cores: ${percent.toFixed(2)} % of one CPU, ${((after.wakeUps - before.wakeUps) / seconds).toFixed(1)} wake-ups a second`);
} finally {
  child.kill('SIGKILL');
}
