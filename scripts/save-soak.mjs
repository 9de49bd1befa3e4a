/**
 * Images at many random moments of real programs. Each goes on in another process: in the Node that made it, and with
 * --nodes in another version. Output and exit status must be those of an undisturbed run. Every fourth machine is saved
 * twice. What failed keeps its images in .cache/soak. At the end, damaged images are tried.
 *
 *   pnpm soak:save [MOMENTS] [SEED] [--nodes 20,26] [--until HH:MM] [--damaged N]
 *
 * MOMENTS    per job and direction (default 200)
 * --nodes    two versions (or paths): one saves, the other restores, and the other way round; fetched from npm when missing
 * --until    stop earlier, at this time of today
 * --damaged  how many damaged images (default 10000; 0 = none)
 */
import { fork, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findNode } from './bench/node-versions.mjs';
import { jobs } from '../tests/dist/support/save-jobs.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, '.cache/soak');
const ANSWER_MS = 300_000;
/** A worker is started anew after so many requests. */
const WORKER_REQUESTS = 40;
/** Late moments of a run whose length varies would often come too late. */
const LATEST_PART = 0.8;

const text = { type: 'string' };
const { values, positionals } = parseArgs({ options: { nodes: text, until: text, damaged: text }, allowPositionals: true });
const moments = Number(positionals[0] ?? 200);
const seed = Number(positionals[1] ?? 1);
const damaged = values.damaged ?? process.env.DAMAGED_IMAGES ?? '10000';
const endMs = values.until === undefined ? Infinity : new Date(new Date().toDateString() + ` ${values.until}`).getTime();

/** A process of one Node. A crash or a missing answer is a failure of the request; the next one gets a new process. */
class Worker {
  #child;
  #requests = 0;

  constructor(node) {
    this.node = node;
  }

  async ask(request) {
    if (this.#requests++ % WORKER_REQUESTS === 0) this.stop();
    this.#child ??= fork(join(root, 'scripts/soak/save-worker.mjs'), { execPath: this.node, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const child = this.#child;
    const answer = await new Promise((done) => {
      const timer = setTimeout(() => done({ error: `no answer in ${ANSWER_MS} ms` }), ANSWER_MS);
      const finish = (value) => {
        clearTimeout(timer);
        child.removeAllListeners();
        done(value);
      };
      child.once('message', finish);
      child.once('exit', (code, signal) => finish({ error: `ended with ${signal ?? code}` }));
      child.send(request);
    });
    if (answer.error === undefined) return answer.value;
    this.stop();
    throw new Error(`${request.action}: ${answer.error}`);
  }

  stop() {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

function randomFractions(from) {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One machine that is moved. Resolves with whether it was alive when it was saved; throws when it did not go on as it should. */
async function move({ job, saver, loader, n, atMs, againMs, expected, images }) {
  const cores = [1 + (n & 1), 1 + ((n >> 1) & 1)];
  const first = await saver.ask({ action: 'save', job, cores: cores[0], atMs, path: images[0], compress: n % 3 === 2 });
  if (first.hasEnded) return false;
  let { output } = first;
  const isTwice = n % 4 === 3;
  if (isTwice) output += (await loader.ask({ action: 'saveAgain', from: images[0], cores: cores[1], atMs: againMs, path: images[1], compress: false })).output;
  const rest = await (isTwice ? saver : loader).ask({ action: 'goOn', from: images[isTwice ? 1 : 0], cores: cores[1] });
  const outcome = { ...rest, output: output + rest.output };
  if (JSON.stringify(outcome) !== JSON.stringify(expected)) throw new Error(`is ${JSON.stringify(outcome)} instead of ${JSON.stringify(expected)}`);
  return true;
}

mkdirSync(out, { recursive: true });
const log = join(out, `moments-${seed}.jsonl`);
const [a, b = a] = (values.nodes?.split(',') ?? [undefined]).map(findNode);
const workers = [new Worker(a), new Worker(b)];
const directions = a === b ? [workers] : [workers, [...workers].reverse()];
const states = [];
for (const job of Object.keys(jobs)) {
  const startMs = performance.now();
  const expected = await workers[0].ask({ action: 'whole', job });
  if (expected.code !== 0) throw new Error(`${job}: ${expected.output}`);
  states.push({ job, expected, lengthMs: performance.now() - startMs, counts: directions.map(() => 0), failures: 0, tries: 0, random: randomFractions(seed + states.length * 7919) });
}

for (let round = 0; round < moments && Date.now() < endMs; round++) {
  for (const state of states) {
    for (const [index, [saver, loader]] of directions.entries()) {
      for (let isDone = false; !isDone && Date.now() < endMs; ) {
        const n = state.tries++;
        const images = [1, 2].map((part) => join(out, `${seed}-${state.job.replaceAll(' ', '-')}-${n}-${part}.image`));
        const atMs = state.random() * state.lengthMs * LATEST_PART;
        const againMs = state.random() * state.lengthMs * LATEST_PART / 2;
        const record = { job: state.job, n, direction: index, atMs: Math.round(atMs) };
        try {
          isDone = await move({ job: state.job, saver, loader, n, atMs, againMs, expected: state.expected, images });
          if (isDone) state.counts[index]++;
          else state.lengthMs *= 0.98;
          for (const image of images) rmSync(image, { force: true });
        } catch (error) {
          isDone = true;
          state.failures++;
          record.error = error.message;
          console.error(`${state.job}, image ${n} after ${record.atMs} ms, ${saver.node} to ${loader.node}: ${error.message}`);
        }
        appendFileSync(log, `${JSON.stringify({ ...record, isAlive: isDone })}\n`);
      }
    }
  }
}
for (const worker of workers) worker.stop();

for (const { job, counts, failures, tries } of states) console.log(`${job.padEnd(26)} ${counts.map((count, index) => `${count} ${directions.length === 1 ? 'moments' : index === 0 ? 'there' : 'back'}`).join(', ')}, ${tries} tried, ${failures} failed`);
const isGood = states.every(({ failures }) => failures === 0);
if (damaged === '0' || !existsSync(join(root, 'tests/dist/save/damage.test.js'))) process.exit(isGood ? 0 : 1);
const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', '--no-config', '--exit', 'tests/dist/save/damage.test.js'], {
  cwd: root, stdio: 'inherit', env: { ...process.env, DAMAGED_IMAGES: damaged },
});
process.exit(isGood && status === 0 ? 0 : 1);
