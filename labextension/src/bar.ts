import type { Meter } from './wire';

/** A meter's bar: what is used, held and over, each as a share of the whole bar. */
export interface IBar {
  readonly used: number;
  readonly held: number;
  readonly over: number;
}

/** The bar is as long as the grant, or as what was taken if that is more. */
export function barOf({ granted, used, held }: Meter): IBar {
  const limit = granted ?? 0;
  const whole = Math.max(limit, used + held);
  if (whole <= 0) {
    return { used: 0, held: 0, over: 0 };
  }
  const within = Math.min(Math.max(used, 0), limit);
  return {
    used: within / whole,
    held: Math.min(held, limit - within) / whole,
    over: Math.max(used + held - limit, 0) / whole
  };
}
