// A real OpenID provider for tests: logs in, without asking, whoever the cookie `person` names.
//
//     node provider.mjs REDIRECT_URI
//
// It prints its address once it listens on loopback, and ends when its standard input does.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const NAMES = { anna: 'Anna', tom: 'Tom', lea: 'Lea', zoe: 'Zoe' };
const VOUCHED = { anna: ['eidas', 'high'], tom: ['de_aml', 'high'], zoe: ['eidas', 'unheard-of'] };

function claims(id) {
  const family = `Canary-${id}`;
  const vouched = VOUCHED[id] && {
    verification: { trust_framework: VOUCHED[id][0], assurance_level: VOUCHED[id][1] },
    claims: { given_name: NAMES[id], family_name: family },
  };
  return {
    sub: id,
    username: id,
    name: `${NAMES[id]} ${family}`,
    email: `${id}@example.org`,
    ...(vouched && { verified_claims: vouched }),
  };
}

const KINDS = {
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  EdDSA: ['ed25519', {}],
};

function key([alg, kind]) {
  const { privateKey } = generateKeyPairSync(...kind);
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' };
}

function client(id, alg, more = {}) {
  return {
    client_id: id,
    client_secret: `secret of ${id}`,
    redirect_uris: [process.argv[2]],
    id_token_signed_response_alg: alg,
    ...more,
  };
}

const configuration = {
  clients: [
    client('campus', 'ES256'),
    client('campus-rs', 'RS256', { token_endpoint_auth_method: 'client_secret_post' }),
    client('campus-ps', 'PS256'),
    client('campus-ed', 'EdDSA'),
    client('campus-public', 'ES256', { client_secret: undefined, token_endpoint_auth_method: 'none' }),
    client('mas', 'RS256'),
  ],
  clientDefaults: { grant_types: ['authorization_code'], response_types: ['code'] },
  enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
  jwks: { keys: Object.entries(KINDS).map(key) },
  claims: { openid: ['sub', 'username'], profile: ['name'], verified_claims: null },
  features: { claimsParameter: { enabled: true }, devInteractions: { enabled: false } },
  cookies: { keys: ['tests'] },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  async loadExistingGrant({ oidc }) {
    const { accountId } = oidc.session;
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId });
    grant.addOIDCScope('openid profile');
    grant.addOIDCClaims(['verified_claims']);
    await grant.save();
    return grant;
  },
};

function person(request) {
  return /(?:^|; )person=(\w+)/.exec(request.headers.cookie || '')?.[1];
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(address, configuration);
  const others = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return others(request, response);
    const who = person(request);
    const result = who in NAMES
      ? { login: { accountId: who } }
      : { error: 'access_denied', error_description: 'The person does not want to.' };
    return provider.interactionFinished(request, response, result);
  });
  console.log(address);
});
process.stdin.on('end', () => process.exit(0)).resume();
