import { Button, Divider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useText } from "../../i18n/index.ts";
import { beginOpenId } from "./openid.ts";

type Props = { next: string; invitationSecret?: string; onProblem: (problem: unknown) => void };

/** The way through the organisation's OpenID provider; nothing where none is configured. */
export function OpenIdButton({ next, invitationSecret, onProblem }: Props) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const options = useQuery({
    queryKey: ["signInOptions"],
    queryFn: () => ask(api.GET("/v1/sessions:options")),
  });
  if (!options.data?.oidcEnabled) return null;
  const begin = async () => {
    setBusy(true);
    try {
      await beginOpenId(next, invitationSecret);
    } catch (error) {
      onProblem(error);
      setBusy(false);
    }
  };
  return (
    <>
      <Divider label={t("start.or")} />
      <Button variant="default" loading={busy} onClick={() => void begin()} data-testid="signin-oidc">
        {t("start.signIn.with", { provider: options.data.oidcDisplayName || "OpenID" })}
      </Button>
    </>
  );
}
