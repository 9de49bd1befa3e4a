// One side of pnpm soak:save: runs, saves and restores machines in the Node that it was started with. Requests and answers are messages.
import { jobMachine, jobs } from '../../tests/dist/support/save-jobs.js';
import { afterMs, goOn, goOnUntilSaved, runUntilSaved, runWhole } from '../../tests/dist/support/save.js';

const saveTo = (path, compress) => (kernel) => kernel.saveTo(path, { compress, leaveStopped: true });

const ACTIONS = {
  whole: ({ job }) => runWhole(jobs[job], jobMachine),
  save: ({ job, cores, atMs, path, compress }) => runUntilSaved(jobs[job], { ...jobMachine, cores }, afterMs(atMs), saveTo(path, compress)),
  saveAgain: ({ from, cores, atMs, path, compress }) => goOnUntilSaved(from, { cores }, afterMs(atMs), saveTo(path, compress)),
  goOn: ({ from, cores }) => goOn(from, { cores }),
};

process.on('message', async ({ action, ...request }) => {
  try {
    process.send({ value: await ACTIONS[action](request) });
  } catch (error) {
    process.send({ error: error.stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());
