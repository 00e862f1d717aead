/** What other extensions may know of the meter. */
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { Balance, Price } from './wire';

export interface IAskSage {
  /** The balance as it was read last, in figures' own words; null before the first answer. */
  readonly balance: Balance | null;
  /** Emitted when there is another balance, or none can be read. */
  readonly changed: ISignal<unknown, void>;
  /**
   * What a prompt would cost: the text of a cell, its `%%asksage` line first. Nothing is sent to a model.
   *
   * It is rejected where the server extension does not answer, and null for any other text.
   */
  estimate(source: string): Promise<Price | null>;
}

export const IAskSage = new Token<IAskSage>(
  '@asksage/jupyter:IAskSage',
  'What is left of the Ask Sage tokens, and what a prompt would cost.'
);
