import type { Balance, Meter, Pool } from './wire';

/** How much is left, in steps that a person should hear of. */
export type Level = 'unknown' | 'enough' | 'low' | 'very-low' | 'used-up' | 'over';

/** What a call must fit: the meter's own tokens, or a pool's. */
export type Limit = Meter | Pool;

export const LOW = 0.3;
export const VERY_LOW = 0.1;

/** The step that a limit is at. */
export function levelOf({ granted, remaining }: Limit): Level {
  if (granted === null || remaining === null) {
    return 'unknown';
  }
  if (remaining < 0) {
    return 'over';
  }
  if (granted === 0) {
    return 'unknown';
  }
  if (remaining === 0) {
    return 'used-up';
  }
  if (remaining < VERY_LOW * granted) {
    return 'very-low';
  }
  return remaining < LOW * granted ? 'low' : 'enough';
}

export function isPool(limit: Limit): limit is Pool {
  return 'name' in limit;
}

/** What gives out first: it tells what can be spent. */
export function limitOf(meter: Meter): Limit {
  const { pool, remaining, spendable } = meter;
  return pool && (!pool.capped || spendable !== remaining) ? pool : meter;
}

/** The meter of a name; null where there is no ledger. */
export function meterOf(balance: Balance | null, name: Meter['meter']): Meter | null {
  return balance?.meters.find(meter => meter.meter === name) ?? null;
}
