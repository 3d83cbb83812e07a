import { Anchor } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useText } from "../../i18n/index.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { finishOpenId } from "./openid.ts";
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
    finishOpenId()
      .then((next) => navigate(next, { replace: true }))
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
