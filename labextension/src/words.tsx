import React from 'react';

import { parted, WHOLE } from './unbroken';

/** Words in which no name is broken at its hyphens. */
export function Words({ children }: { readonly children: string }): React.JSX.Element {
  return (
    <>
      {parted(children).map((part, n) =>
        n % 2 ? (
          <span key={n} className={WHOLE}>
            {part}
          </span>
        ) : (
          part
        )
      )}
    </>
  );
}
