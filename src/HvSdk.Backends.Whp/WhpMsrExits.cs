using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Which accesses to model-specific registers leave the guest.</summary>
/// <remarks>
/// The platform lets go those that it does not handle itself; those that it does need an entry each in a list that newer versions of Windows take.
/// </remarks>
internal static class WhpMsrExits
{
    internal static void Apply(WhvPartition partition, IList<X64MsrRange> ranges)
    {
        var actions = new List<WHV_MSR_ACTION_ENTRY>();
        foreach ((uint index, _) in WhpMsrs.All)
        {
            X64MsrAccess access = Find(ranges, index);
            if (access != X64MsrAccess.None)
            {
                actions.Add(new WHV_MSR_ACTION_ENTRY
                {
                    Index = index,
                    ReadAction = Action(access.HasFlag(X64MsrAccess.Read)),
                    WriteAction = Action(access.HasFlag(X64MsrAccess.Write)),
                });
            }
        }

        if (actions.Count == 0)
        {
            return;
        }

        int result = partition.TrySet<WHV_MSR_ACTION_ENTRY>(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeMsrActionList, actions.ToArray());
        if (result < 0)
        {
            throw new NotSupportedException(
                $"WHP handles MSR 0x{actions[0].Index:X} itself, and this Windows does not let its accesses leave: {WhpError.Describe(result)}. " +
                $"Leave it out of {nameof(X64PartitionOptions)}.{nameof(X64PartitionOptions.MsrExits)}.");
        }
    }

    /// <summary>Which accesses to a register the ranges name.</summary>
    internal static X64MsrAccess Find(IList<X64MsrRange> ranges, uint index)
    {
        X64MsrAccess access = X64MsrAccess.None;
        for (int i = 0; i < ranges.Count; i++)
        {
            X64MsrRange range = ranges[i];
            access |= index >= range.First && index - range.First < (uint)range.Count ? range.Access : X64MsrAccess.None;
        }

        return access;
    }

    private static byte Action(bool leaves) => (byte)(leaves ? WHV_MSR_ACTION.WHvMsrActionExit : WHV_MSR_ACTION.WHvMsrActionArchitectureDefault);
}
