/**
 * What sessions know of their controlling terminal. The tty layer implements it; the session code
 * stores one in `Session.terminal` (TIOCSCTTY, or open without O_NOCTTY by a session leader).
 */
export interface Terminal {
  /** Called when the session leader exits or the session gives the terminal up (TIOCNOTTY). */
  disassociate(): void;
  /** vhangup(2). */
  hangUp(): void;
  /** Device number for /proc/pid/stat tty_nr. */
  readonly device: number;
  /** Process group id in the foreground, 0 = none. */
  foreground: number;
}
