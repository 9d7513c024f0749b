/* See minwindef.h. */
#include "minwindef.h"
