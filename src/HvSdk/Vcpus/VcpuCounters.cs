using HvSdk.Diagnostics;

namespace HvSdk;

/// <summary>What a vCPU counts.</summary>
/// <remarks>
/// The numbers are an object apart, which the meter holds as well: what a vCPU has counted is still there when it was collected and nobody has disposed of it. The finalizer, or
/// <see cref="Dispose"/>, has the meter add them to those of all vCPUs that have gone.
/// </remarks>
internal sealed class VcpuCounters : IDisposable
{
    /// <summary>Exits by kind come first.</summary>
    internal const int KindCount = (int)VcpuExitKind.HostFailure + 1;
    internal const int Kicks = KindCount;
    internal const int UnhandledReads = KindCount + 1;
    internal const int UnhandledWrites = KindCount + 2;
    internal const int Count = KindCount + 3;

    private readonly long[] _numbers = new long[Count];

    internal VcpuCounters() => HvSdkMetrics.Add(_numbers);

    ~VcpuCounters() => HvSdkMetrics.Retire(_numbers);

    /// <summary>The numbers now.</summary>
    internal VcpuStatistics Statistics => new(
        _numbers[..KindCount], Volatile.Read(ref _numbers[Kicks]), Volatile.Read(ref _numbers[UnhandledReads]), Volatile.Read(ref _numbers[UnhandledWrites]));

    /// <summary>One more. On the vCPU's thread.</summary>
    internal void CountExit(VcpuExitKind kind) => _numbers[(int)kind]++;

    /// <summary>One more. Any thread.</summary>
    internal void CountKick() => Interlocked.Increment(ref _numbers[Kicks]);

    /// <summary>One more. On the vCPU's thread.</summary>
    internal void CountUnhandledRead() => _numbers[UnhandledReads]++;

    /// <summary>One more. On the vCPU's thread.</summary>
    internal void CountUnhandledWrite() => _numbers[UnhandledWrites]++;

    /// <summary>The vCPU has gone.</summary>
    public void Dispose()
    {
        HvSdkMetrics.Retire(_numbers);
        GC.SuppressFinalize(this);
    }
}
