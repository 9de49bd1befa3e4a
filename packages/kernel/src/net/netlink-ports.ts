/**
 * Port ids of netlink sockets (netlink(7) nl_pid; port.Manager of the seed).
 *
 * Owns: the ids in use, per protocol.
 *
 * A socket asks for the id of its process; when that is taken the kernel picks a negative one.
 */

/** First id the kernel picks by itself; it goes down from here. */
const FIRST_OWN_PORT = -4097;
const LAST_OWN_PORT = -0x8000_0000;
/** Ids one protocol may hold. */
const MAX_PORTS = 10_000;

export class NetlinkPorts {
  private readonly _ports = new Map<number, Set<number>>();

  /** Takes an id: `hint` when it is free, else the next free one of the kernel's own; undefined = none left. */
  allocate(protocol: number, hint: number): number | undefined {
    const taken = this._portsOf(protocol);
    if (taken.size >= MAX_PORTS) return undefined;
    let port = hint;
    for (let next = FIRST_OWN_PORT; taken.has(port) && next >= LAST_OWN_PORT; next--) port = next;
    taken.add(port);
    return port;
  }

  /** Gives an id back. Preconditions: it was allocated. */
  release(protocol: number, port: number): void {
    this._ports.get(protocol)?.delete(port);
  }

  private _portsOf(protocol: number): Set<number> {
    let taken = this._ports.get(protocol);
    if (!taken) this._ports.set(protocol, (taken = new Set()));
    return taken;
  }
}
