import { Anchor } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask } from "../../api/client.ts";
import { Problem } from "../../api/problem.ts";
import { useText } from "../../i18n/index.ts";
import { adopt } from "../../session/session.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { oidcReturnAddress, takeNext } from "./next.ts";
import { Lead, StartFrame } from "./StartFrame.tsx";

/** The OpenID provider sends the browser back here with a code: it is exchanged for a session, once. */
export default function OidcReturnPage() {
  const t = useText();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<unknown>();
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    finish()
      .then(() => navigate(takeNext(), { replace: true }))
      .catch(setProblem);
  }, [navigate]);
  return (
    <StartFrame width="narrow">
      <Lead title={t("start.signIn.title")} />
      {problem ? (
        <>
          <ProblemNote problem={problem} title={t("start.signIn.failed")} />
          <p>
            <Anchor component={Link} href="/sign-in">
              {t("start.signIn.again")}
            </Anchor>
          </p>
        </>
      ) : (
        <Loading />
      )}
    </StartFrame>
  );
}

async function finish(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const refusal = query.get("error");
  if (refusal) throw new Problem(401, "OIDC_SIGN_IN_REFUSED", query.get("error_description") ?? refusal);
  const body = {
    code: query.get("code") ?? "",
    state: query.get("state") ?? "",
    redirectUri: oidcReturnAddress(),
  };
  adopt(await ask(api.POST("/v1/sessions:finishOidc", { body })));
}
