/** Tokens that fill a bar. */
interface ITaken {
  readonly granted: number | null;
  readonly used: number;
  readonly held: number;
  /** The part of `held` that is not the person's own. */
  readonly held_by_others?: number;
}

/** A bar: what is used, held by the person and by others, and over, each as a share of the whole bar. */
export interface IBar {
  readonly used: number;
  readonly held: number;
  readonly others: number;
  readonly over: number;
}

/** The bar is as long as the grant, or as what was taken if that is more. */
export function barOf({ granted, used, held, held_by_others = 0 }: ITaken): IBar {
  const limit = granted ?? 0;
  const taken = used + held;
  const whole = Math.max(limit, taken, 1);
  const within = (tokens: number) => Math.min(Math.max(tokens, 0), limit);
  const own = taken - held_by_others;
  return {
    used: within(used) / whole,
    held: (within(own) - within(used)) / whole,
    others: (within(taken) - within(own)) / whole,
    over: Math.max(taken - limit, 0) / whole
  };
}
