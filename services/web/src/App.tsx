import { useDirection } from "@mantine/core";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { activateLanguage, isLanguage, languageWasChosen, useLanguage } from "./i18n/index.ts";
import { directionOf } from "./i18n/languages.ts";
import { homeOf } from "./session/roles.ts";
import { knownDevice, useSession } from "./session/session.ts";
import { Announcements } from "./ui/announce.tsx";
import { CrashBoundary } from "./ui/CrashBoundary.tsx";
import { lazyPage } from "./ui/lazyPage.ts";

const SignUpPage = lazyPage(() => import("./pages/start/SignUpPage.tsx"));
const SetUpPage = lazyPage(() => import("./pages/start/SetUpPage.tsx"));
const SignInPage = lazyPage(() => import("./pages/start/SignInPage.tsx"));
const OidcReturnPage = lazyPage(() => import("./pages/start/OidcReturnPage.tsx"));
const InvitationPage = lazyPage(() => import("./pages/start/InvitationPage.tsx"));
const OperatorPage = lazyPage(() => import("./pages/operator/OperatorPage.tsx"));
const Workplace = lazy(() => import("./Workplace.tsx"));

export function App() {
  useDirectionOfLanguage();
  useLanguageOfAccount();
  const session = useSession();
  return (
    <CrashBoundary>
      <Suspense fallback={null}>
        <Switch>
          <Route path="/sign-up" component={SignUpPage} />
          <Route path="/sign-in" component={SignInPage} />
          <Route path="/sign-in/return" component={OidcReturnPage} />
          <Route path="/invitation/:secret?" component={InvitationPage} />
          <Route path="/invitations/:secret?" component={InvitationPage} />
          {session.status === "starting" ? (
            <Route>{null}</Route>
          ) : session.status === "signedOut" ? (
            <Route>
              <SignedOut />
            </Route>
          ) : session.user.role === "ROLE_OPERATOR" ? (
            <Switch>
              <Route path="/operator" component={OperatorPage} />
              <Route>
                <Redirect to="/operator" replace />
              </Route>
            </Switch>
          ) : (
            <Switch>
              <Route path="/">
                <Redirect to={homeOf(session.user.role)} replace />
              </Route>
              <Route path="/set-up" component={SetUpPage} />
              <Route>
                <Workplace />
              </Route>
            </Switch>
          )}
        </Switch>
      </Suspense>
      <Announcements />
    </CrashBoundary>
  );
}

/** Somebody new begins with the plans; somebody known signs in and comes back to where they were. */
function SignedOut() {
  const [location] = useLocation();
  if (location === "/" && !knownDevice()) return <Redirect to="/sign-up" replace />;
  const back = location === "/" ? "" : `?next=${encodeURIComponent(location)}`;
  return <Redirect to={`/sign-in${back}`} replace />;
}

function useDirectionOfLanguage(): void {
  const language = useLanguage();
  const { setDirection } = useDirection();
  // biome-ignore lint/correctness/useExhaustiveDependencies: Mantine gives a new setter at every draw
  useEffect(() => setDirection(directionOf(language)), [language]);
}

/** The account's language, unless another one was picked on this device. */
function useLanguageOfAccount(): void {
  const session = useSession();
  const own = session.status === "signedIn" ? session.user.language : undefined;
  useEffect(() => {
    if (isLanguage(own) && !languageWasChosen()) void activateLanguage(own);
  }, [own]);
}
