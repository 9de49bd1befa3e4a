/** CPU time, instructions and fault counts of tasks that are gone (getrusage(2), times(2)). */
export class Usage {
  cpuTimeNs = 0;
  instructions = 0;
  minorFaults = 0;
  majorFaults = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  maxRssPages = 0;

  add(other: Usage): void {
    this.cpuTimeNs += other.cpuTimeNs;
    this.instructions += other.instructions;
    this.minorFaults += other.minorFaults;
    this.majorFaults += other.majorFaults;
    this.voluntarySwitches += other.voluntarySwitches;
    this.involuntarySwitches += other.involuntarySwitches;
    this.maxRssPages = Math.max(this.maxRssPages, other.maxRssPages);
  }
}
