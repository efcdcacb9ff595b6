// An OpenID provider for the tests: node provider.js PEOPLE REDIRECT…
// Prints its issuer. PEOPLE is a JSON file, {name: claims}, read at each sign-in; any
// password will do.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [people, ...redirects] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
        clients: [
            {
                client_id: "chatsite",
                client_secret: "a secret for tests",
                redirect_uris: redirects,
            },
        ],
        claims: {
            openid: ["sub"],
            email: ["email", "email_verified"],
            profile: ["preferred_username", "name", "groups"],
        },
        pkce: { required: () => true },
        cookies: { keys: ["only for tests"] },
        findAccount: (_context, accountId) => ({
            accountId,
            claims: () => ({
                ...JSON.parse(readFileSync(people, "utf8"))[accountId],
                sub: accountId,
            }),
        }),
    });
    server.on("request", provider.callback());
    console.log(issuer);
});
