using System.Runtime.InteropServices;

namespace HvSdk.Backends.Whp.Interop;

/// <summary>A partition of the platform, and the calls that need nothing else. Every result is looked at.</summary>
internal sealed unsafe class WhvPartition : SafeHandle
{
    private WhvPartition(WhvFunctions functions, nint partition)
        : base(0, ownsHandle: true)
    {
        Functions = functions;
        SetHandle(partition);
    }

    internal WhvFunctions Functions { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>The number itself, for the calls of a vCPU, whose owner keeps the partition.</summary>
    internal nint Number => handle;

    internal static WhvPartition Create(WhvFunctions functions)
    {
        nint partition = 0;
        WhpError.Check(functions.WHvCreatePartition(&partition), nameof(WhvFunctions.WHvCreatePartition));
        return new WhvPartition(functions, partition);
    }

    internal void Setup() => WhpError.Check(Functions.WHvSetupPartition(handle), nameof(WhvFunctions.WHvSetupPartition));

    internal void Set<T>(WHV_PARTITION_PROPERTY_CODE code, T value)
        where T : unmanaged
    {
        int result = TrySet(code, value);
        if (result < 0)
        {
            throw WhpError.FromResult($"{nameof(WhvFunctions.WHvSetPartitionProperty)}({code})", result);
        }
    }

    internal int TrySet<T>(WHV_PARTITION_PROPERTY_CODE code, T value)
        where T : unmanaged => Functions.WHvSetPartitionProperty(handle, code, &value, (uint)sizeof(T));

    /// <summary>Sets a property that is a list.</summary>
    internal int TrySet<T>(WHV_PARTITION_PROPERTY_CODE code, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        // SAFETY: the platform reads as many bytes as it is told, which the span has.
        fixed (T* first = values)
        {
            return Functions.WHvSetPartitionProperty(handle, code, first, (uint)(values.Length * sizeof(T)));
        }
    }

    protected override bool ReleaseHandle() => Functions.WHvDeletePartition(handle) >= 0;
}
