/* Which macOS this build stands for. build.sh compiles it once per version; the list of exports is made for the same version. */
#include "standin.h"

#ifndef STANDIN_VERSION
#define STANDIN_VERSION MACOS_26
#endif

const unsigned macos_version = STANDIN_VERSION;
