//! Pages: sign-in and Settings → API keys for the people of an account, and the operators' own.
