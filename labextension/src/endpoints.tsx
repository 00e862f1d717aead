import React from 'react';

import type { IPartProps } from './part';
import type { Balance } from './wire';

/** The endpoints through which other code spends from the same meters; nothing where none runs. */
export function Endpoints({ state, actions }: IPartProps): React.JSX.Element | null {
  const endpoints = state.balance?.endpoints ?? [];
  return endpoints.length > 0 ? (
    <section
      className="jp-asksage-endpoints"
      data-asksage="endpoints"
      aria-labelledby="asksage-endpoints"
    >
      <h3 id="asksage-endpoints">For other code</h3>
      <ul>
        {endpoints.map(endpoint => (
          <Endpoint key={endpoint.name} {...endpoint} stop={actions.stop} />
        ))}
      </ul>
    </section>
  ) : null;
}

type IEndpointProps = Balance['endpoints'][number] & { readonly stop: (name: string) => void };

function Endpoint({ name, url, words, stop }: IEndpointProps): React.JSX.Element {
  return (
    <li className="jp-asksage-endpoint">
      <code>{url}</code>
      <span className="jp-asksage-quiet">{words}</span>
      <button
        type="button"
        className="jp-mod-styled"
        aria-label={`Stop the endpoint ${url}`}
        title="Answers nobody any more; what is under way is still booked"
        onClick={() => stop(name)}
      >
        Stop
      </button>
    </li>
  );
}
