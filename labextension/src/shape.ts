/** Reads a value that came from outside as a `T`, or throws a `ShapeError` that names the place. */
export type Shape<T> = (value: unknown, place: string) => T;

/** The type that a shape reads. */
export type Read<S> = S extends Shape<infer T> ? T : never;

/** An answer that is not what was agreed on. */
export class ShapeError extends Error {
  constructor(place: string, wanted: string) {
    super(`${place} should be ${wanted}`);
    this.name = 'ShapeError';
  }
}

export const text: Shape<string> = (value, place) => {
  if (typeof value !== 'string') {
    throw new ShapeError(place, 'text');
  }
  return value;
};

/** A figure. JSON's integers are exact up to 2^53. */
export const whole: Shape<number> = (value, place) => {
  if (!Number.isSafeInteger(value)) {
    throw new ShapeError(place, 'a whole number');
  }
  return value as number;
};

export const fraction: Shape<number> = (value, place) => {
  if (!Number.isFinite(value)) {
    throw new ShapeError(place, 'a number');
  }
  return value as number;
};

export const flag: Shape<boolean> = (value, place) => {
  if (typeof value !== 'boolean') {
    throw new ShapeError(place, 'true or false');
  }
  return value;
};

export function oneOf<const T extends readonly string[]>(...words: T): Shape<T[number]> {
  return (value, place) => {
    if (!words.includes(value as string)) {
      throw new ShapeError(place, `one of ${words.join(', ')}`);
    }
    return value as T[number];
  };
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, place) => (value === null || value === undefined ? null : shape(value, place));
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) {
      throw new ShapeError(place, 'a list');
    }
    return value.map((item, index) => shape(item, `${place}[${index}]`));
  };
}

/** An object with these members; others, which a newer server may send, are left out. */
export function record<S extends Record<string, Shape<unknown>>>(
  members: S
): Shape<{ readonly [K in keyof S]: Read<S[K]> }> {
  return (value, place) => {
    if (typeof value !== 'object' || value === null) {
      throw new ShapeError(place, 'an object');
    }
    const given = value as Record<string, unknown>;
    const read = Object.entries(members).map(([name, shape]) => [
      name,
      shape(given[name], `${place}.${name}`)
    ]);
    return Object.fromEntries(read) as { readonly [K in keyof S]: Read<S[K]> };
  };
}
