/** State of a timer (ktime.Setting of the seed). Times in ns of the timer's clock. */
export interface Setting {
  readonly enabled: boolean;
  /** Next expiration; meaningful while enabled. */
  readonly nextNs: number;
  /** Interval of periodic timers; 0 = one-shot. */
  readonly periodNs: number;
}

export const DISABLED: Setting = { enabled: false, nextNs: 0, periodNs: 0 };

/** The setting after time reached `nowNs`, and how often the timer expired on the way (Setting.At). */
export function settingAt(setting: Setting, nowNs: number): { readonly setting: Setting; readonly expirations: number } {
  if (!setting.enabled || nowNs < setting.nextNs) return { setting, expirations: 0 };
  if (setting.periodNs === 0) return { setting: { ...setting, enabled: false }, expirations: 1 };
  const expirations = 1 + Math.floor((nowNs - setting.nextNs) / setting.periodNs);
  return { setting: { ...setting, nextNs: setting.nextNs + expirations * setting.periodNs }, expirations };
}
