/** `troupe checkpoint`, `restore` and `image inspect` on a program that waits. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TROUPE } from '../support/paths.js';
import { run, type RunResult } from '../support/run.js';

const SCRIPT = 'echo waiting; read -r line; echo "got $line"; cat /nowhere; exit 14';
const STDERR = 'cat: /nowhere: No such file or directory\n';

describe('commands about images', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let child: ChildProcess;
  let output: string;

  const troupe = (...args: string[]): Promise<RunResult> => run(process.execPath, [TROUPE, ...args], { env, cwd: folder, input: 'a line\n' });

  beforeEach(async function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), 'troupe-image-'));
    env = { ...process.env, XDG_RUNTIME_DIR: folder };
    output = '';
    child = spawn(process.execPath, [TROUPE, 'do', '--cores', '1', '--', '/bin/bash', '-c', SCRIPT], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout!.on('data', (bytes: Buffer) => (output += bytes.toString()));
    while (!output.includes('waiting')) await new Promise((resolve) => child.stdout!.once('data', resolve));
    // The socket comes a moment after the start.
    while (!readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith('.sock'))) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('save a program, show what was saved, and let it go on', async function () {
    this.timeout(60_000);
    const ended = new Promise((resolve) => child.once('close', resolve));
    const saved = await troupe('checkpoint', 'image', '--pid', String(child.pid));
    expect(saved).to.include({ status: 0 });
    expect(saved.stderr).to.match(/^troupe: \d+ bytes written to image\n$/);
    expect(await ended).to.equal(0);
    expect(output).to.equal('waiting\n');
    const inspected = JSON.parse((await troupe('image', 'inspect', '--json', 'image')).stdout) as { processes: { name: string; threads: { call: string }[]; files: { fd: number }[] }[] };
    expect(inspected.processes.map(({ name, threads, files }) => [name, threads.map(({ call }) => call), files.map(({ fd }) => fd)])).to.deep.equal([['bash', ['read'], [0, 1, 2]]]);
    expect((await troupe('image', 'inspect', 'image')).stdout).to.match(/^processes {2}1$/m).and.match(/read/);
    expect(await troupe('restore', 'image', '--cores', '2')).to.deep.equal({ stdout: 'got a line\n', stderr: STDERR, status: 14 });
    const copies = await troupe('restore', '--copies', '2', 'image');
    expect(copies).to.include({ stdout: 'got \ngot \n', status: 14 });
    // cat writes its message in parts, and both copies at the same time.
    expect([...copies.stderr].sort()).to.deep.equal([...STDERR + STDERR].sort());
  });

  it('watch the calls of a program that goes on, and deny them', async function () {
    this.timeout(60_000);
    expect((await troupe('checkpoint', 'image', '--pid', String(child.pid))).status).to.equal(0);
    const traced = await troupe('restore', 'image', '--strace=read,exit_group', '--deny', 'execve=EACCES', '-c', '--stat');
    expect(traced).to.include({ stdout: 'got a line\n', status: 14 });
    expect(traced.stderr).to.match(/^read\(0, "a", 1\) += 1$/m).and.match(/cat: Permission denied/).and.match(/exit_group\(14\)/).and.match(/ exit_group$/m).and.match(/frames in use/);
    expect(await troupe('restore', 'image', '--deny', 'nonsense')).to.deep.equal({ stdout: '', stderr: "troupe: --deny: 'nonsense' is neither a system call nor a %group\n", status: 125 });
  });

  it('leave it running, and compress, when asked to', async function () {
    this.timeout(60_000);
    const ended = new Promise((resolve) => child.once('close', resolve));
    expect((await troupe('checkpoint', 'image', '--leave-running', '--compress', '--pid', String(child.pid))).status).to.equal(0);
    child.stdin!.end('my line\n');
    expect(await ended).to.equal(14);
    expect(output).to.equal('waiting\ngot my line\n');
    expect(await troupe('restore', 'image')).to.deep.equal({ stdout: 'got a line\n', stderr: STDERR, status: 14 });
  });

  it('say what is wrong', async function () {
    this.timeout(60_000);
    expect(await troupe('checkpoint', join(folder, 'no', 'image'), '--pid', String(child.pid))).to.include({ status: 1 });
    writeFileSync(join(folder, 'text'), 'hello');
    expect(await troupe('restore', 'text')).to.deep.equal({ stdout: '', stderr: 'troupe: header: not an image of a machine\n', status: 125 });
    expect((await troupe('restore', 'nothing')).stderr).to.match(/^troupe: nothing: ENOENT/);
    expect((await troupe('checkpoint', 'image', '--pid', '1')).stderr).to.equal('troupe: --pid 1: no troupe of yours that could be reached\n');
  });
});
