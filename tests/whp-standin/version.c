/* Which Windows this build stands for. build.sh compiles it once per version; the list of exports is made for the same version. */
#include "standin.h"

#ifndef STANDIN_VERSION
#define STANDIN_VERSION WINDOWS_21H2
#endif

const unsigned windows_version = STANDIN_VERSION;
