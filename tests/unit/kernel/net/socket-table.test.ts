import { Sock } from '@troupe/abi';
import { unixText } from '@troupe/kernel/proc/network-files.js';
import { NetlinkPorts } from '@troupe/kernel/net/netlink-ports.js';
import { UnixSocket, type SocketCaller } from '@troupe/vfs';
import { expect } from 'chai';
import { FakeKernel } from '../../../support/kernel/fake-kernel.js';

const CREDENTIALS = { pid: 1, uid: 0, gid: 0 };

function open(fake: FakeKernel): UnixSocket {
  return new UnixSocket(Sock.STREAM, 0, CREDENTIALS, fake.kernel.rootAbstractSocketNamespace, 0n).incRef();
}

describe('socket table', () => {
  it('lists sockets in the order they were made, until their last reference goes', () => {
    const fake = new FakeKernel();
    const { sockets } = fake.kernel;
    const [first, second] = [open(fake), open(fake)];
    first.incRef();
    expect(sockets.list().map(({ id, socket }) => [id, socket])).to.deep.equal([[0, first], [1, second]]);
    first.decRef();
    second.decRef();
    expect(sockets.list().map(({ socket }) => socket)).to.deep.equal([first]);
    const third = open(fake);
    expect(sockets.list().map(({ id }) => id)).to.deep.equal([0, 2]);
    first.decRef();
    third.decRef();
    expect(sockets.list()).to.deep.equal([]);
  });

  it('records the sockets that connections make', () => {
    const fake = new FakeKernel();
    const caller: SocketCaller = { vfs: fake.kernel.vfs, ctx: fake.context, credentials: CREDENTIALS };
    const [listener, client] = [open(fake), open(fake)];
    const address = Uint8Array.of(1, 0, 0, 0x78);
    expect([listener.bind(address, caller), listener.listen(1, caller), client.connect(address, caller)]).to.deep.equal([0, 0, 0]);
    expect(fake.kernel.sockets.list().length).to.equal(3);
    const lines = unixText(fake.kernel, fake.kernel.rootAbstractSocketNamespace).trimEnd().split('\n');
    expect(lines).to.have.length(4);
    expect(lines[1]).to.match(/^0{16}: 00000002 00000000 00010000 0001 01 +\d+ @x$/);
    expect(lines[2]).to.match(/ 00000000 0001 03 +\d+$/);
  });
});

describe('netlink ports', () => {
  it('gives the hint while it is free, else negative ids', () => {
    const ports = new NetlinkPorts();
    expect(ports.allocate(0, 12)).to.equal(12);
    expect(ports.allocate(0, 12)).to.equal(-4097);
    expect(ports.allocate(0, 12)).to.equal(-4098);
    expect(ports.allocate(15, 12)).to.equal(12);
    ports.release(0, 12);
    expect(ports.allocate(0, 12)).to.equal(12);
  });

  it('has a bound per protocol', () => {
    const ports = new NetlinkPorts();
    for (let n = 0; n < 10_000; n++) expect(ports.allocate(0, n + 1)).to.equal(n + 1);
    expect(ports.allocate(0, 1)).to.equal(undefined);
    expect(ports.allocate(1, 1)).to.equal(1);
  });
});
