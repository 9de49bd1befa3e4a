import { EPOLLIN, Errno, O_RDWR, SEEK_DATA, SEEK_END, SEEK_SET, userCredentials } from '@troupe/abi';
import { KernelLog, LOG_BUFFER_BYTES, LogLevel } from '@troupe/kernel/log/kernel-log.js';
import { KmsgFile } from '@troupe/kernel/log/kmsg-file.js';
import { rows } from '@troupe/kernel/syscall/rows/syslog.js';
import { newAnonymousNode } from '@troupe/vfs';
import { expect } from 'chai';
import { FakeKernel, SCRATCH } from '../../../support/kernel/fake-kernel.js';

const SYSLOG = 103;

function logOf(...lines: string[]): KernelLog {
  const clock = { nowNs: () => 1_500_000_000 };
  const log = new KernelLog(clock);
  for (const line of lines) log.append(line);
  return log;
}

function readText(file: KmsgFile, sizeBytes = 200): string | number {
  const bytes = new Uint8Array(sizeBytes);
  const count = file.read(bytes);
  return count < 0 ? count : Buffer.from(bytes.subarray(0, count)).toString('latin1');
}

describe('kernel log', () => {
  it('gives the newest whole lines that fit', () => {
    const log = logOf('one', 'two');
    expect(log.readAll(1000)).to.equal('<6>[    1.500000] one\n<6>[    1.500000] two\n');
    expect(log.readAll(30)).to.equal('<6>[    1.500000] two\n');
    expect(log.readAll(10)).to.equal('');
    log.clear();
    expect(log.readAll(1000)).to.equal('');
  });

  it('takes each line once', () => {
    const log = logOf('one', 'two');
    expect(log.unreadBytes).to.equal(44);
    expect(log.take(25)).to.equal('<6>[    1.500000] one\n');
    expect(log.take(1000)).to.equal('<6>[    1.500000] two\n');
    expect([log.take(1000), log.unreadBytes]).to.deep.equal(['', 0]);
  });

  it('drops the oldest lines of a full buffer', () => {
    const log = logOf();
    for (let n = 0; n < 2000; n++) log.append('x'.repeat(100));
    expect(log.readAll(Infinity).length).to.be.within(LOG_BUFFER_BYTES - 200, LOG_BUFFER_BYTES);
    expect(log.nextSeq).to.equal(2000);
    expect(log.firstSeq).to.be.greaterThan(800);
    expect(log.at(1999).seq).to.equal(1999);
  });
});

describe('/dev/kmsg', () => {
  const openOn = (log: KernelLog): KmsgFile => new KmsgFile(newAnonymousNode('kmsg'), O_RDWR, log).incRef();

  it('reads one record at a time and waits at the end', () => {
    const log = logOf('one', 'two');
    const file = openOn(log);
    expect(readText(file, 5)).to.equal(-Errno.EINVAL);
    expect(readText(file)).to.equal('6,0,1500000,-;one\n');
    expect(file.poll() & EPOLLIN).to.equal(EPOLLIN);
    expect(readText(file)).to.equal('6,1,1500000,-;two\n');
    expect(readText(file)).to.equal(-Errno.EAGAIN);
    let woken = 0;
    file.waiters.add({ events: EPOLLIN, onWake: () => woken++ });
    log.append('three');
    expect(woken).to.equal(1);
    expect(readText(file)).to.equal('6,2,1500000,-;three\n');
  });

  it('says once that records were lost', () => {
    const log = logOf('first');
    const file = openOn(log);
    for (let n = 0; n < 2000; n++) log.append('x'.repeat(100));
    expect(readText(file)).to.equal(-Errno.EPIPE);
    expect(readText(file)).to.include(`6,${log.firstSeq},`);
  });

  it('seeks to the first, the last and the first after a clear', () => {
    const log = logOf('one', 'two');
    const file = openOn(log);
    expect(file.seek(0, SEEK_END)).to.equal(0);
    expect(readText(file)).to.equal(-Errno.EAGAIN);
    file.seek(0, SEEK_SET);
    expect(readText(file)).to.include('one');
    log.clear();
    log.append('three');
    file.seek(0, SEEK_DATA);
    expect(readText(file)).to.include('three');
    expect(file.seek(1, SEEK_SET)).to.equal(-Errno.ESPIPE);
  });

  it('adds what is written, with its priority, and lets go of the log', () => {
    const log = logOf();
    const file = openOn(log);
    expect(file.write(Buffer.from('<3>disk on fire\n'))).to.equal(16);
    expect(file.write(Buffer.from('plain'))).to.equal(5);
    expect([log.at(0).priority, log.at(0).text, log.at(1).priority]).to.deep.equal([8 + LogLevel.ERR, 'disk on fire', 8 + LogLevel.WARNING]);
    file.decRef();
    expect(log.waiters.size).to.equal(0);
  });
});

describe('syslog(2)', () => {
  it('reads, measures and clears', () => {
    const fake = new FakeKernel({ rows });
    const task = fake.boot();
    const text = fake.kernel.syslog.readAll(2000);
    expect(fake.syscall(task, SYSLOG, 10)).to.equal(LOG_BUFFER_BYTES);
    expect(fake.syscall(task, SYSLOG, 3, SCRATCH, 2000)).to.equal(text.length);
    expect(Buffer.from(task.mm.copyIn(SCRATCH, text.length)).toString('latin1')).to.equal(text);
    expect(fake.syscall(task, SYSLOG, 9)).to.equal(text.length);
    expect(fake.syscall(task, SYSLOG, 5)).to.equal(0);
    expect(fake.syscall(task, SYSLOG, 3, SCRATCH, 2000)).to.equal(0);
    expect(fake.syscall(task, SYSLOG, 11)).to.equal(-Errno.EINVAL);
    expect(fake.syscall(task, SYSLOG, 3, 0, 10)).to.equal(-Errno.EINVAL);
  });

  it('waits for the next line', () => {
    const fake = new FakeKernel({ rows });
    const task = fake.boot();
    expect(fake.syscall(task, SYSLOG, 2, SCRATCH, 2000)).to.be.greaterThan(0);
    expect(fake.syscall(task, SYSLOG, 2, SCRATCH, 2000)).to.equal(undefined);
    fake.kernel.report('hello');
    fake.kernel.drain();
    expect(fake.result(task)).to.equal('<3>[    0.000000] hello\n'.length);
  });

  it('is for the privileged, but for reading all', () => {
    const fake = new FakeKernel({ rows });
    const task = fake.boot({ credentials: userCredentials(5, 5, []) });
    expect(fake.syscall(task, SYSLOG, 5)).to.equal(-Errno.EPERM);
    expect(fake.syscall(task, SYSLOG, 3, SCRATCH, 2000)).to.be.greaterThan(0);
  });
});
