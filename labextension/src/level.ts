import type { Balance, Meter } from './wire';

/** How much is left, in steps that a person should hear of. */
export type Level = 'unknown' | 'enough' | 'low' | 'very-low' | 'used-up' | 'over';

export const LOW = 0.3;
export const VERY_LOW = 0.1;

/** The step that a meter is at. */
export function levelOf({ granted, overage, remaining }: Meter): Level {
  if (overage > 0) {
    return 'over';
  }
  if (!granted || remaining === null) {
    return 'unknown';
  }
  if (remaining <= 0) {
    return 'used-up';
  }
  if (remaining < VERY_LOW * granted) {
    return 'very-low';
  }
  return remaining < LOW * granted ? 'low' : 'enough';
}

/** The meter of a name; null where there is no ledger. */
export function meterOf(balance: Balance | null, name: Meter['meter']): Meter | null {
  return balance?.meters.find(meter => meter.meter === name) ?? null;
}
