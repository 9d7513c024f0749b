namespace HvSdk.VirtualMachines;

/// <summary>How often each port and each page of device memory was accessed, where somebody asked for it.</summary>
internal sealed class AccessCounts
{
    private const int PageBits = 12;

    private readonly long[] _ports = new long[0x1_0000];
    private readonly Dictionary<ulong, long> _pages = [];

    public void Count(in VcpuExit exit)
    {
        switch (exit.Kind)
        {
            case VcpuExitKind.PortRead or VcpuExitKind.PortWrite:
                Interlocked.Increment(ref _ports[exit.Port]);
                break;
            case VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite:
                lock (_pages)
                {
                    ulong page = exit.Address >> PageBits;
                    _pages[page] = _pages.GetValueOrDefault(page) + 1;
                }

                break;
        }
    }

    /// <summary>The places that were accessed, most often first.</summary>
    public IReadOnlyList<AccessCount> Snapshot()
    {
        var counts = new List<AccessCount>();
        for (int port = 0; port < _ports.Length; port++)
        {
            if (Volatile.Read(ref _ports[port]) is > 0 and long count)
            {
                counts.Add(new AccessCount(BusSpace.Ports, (ulong)port, count));
            }
        }

        lock (_pages)
        {
            counts.AddRange(_pages.Select(static pair => new AccessCount(BusSpace.Mmio, pair.Key << PageBits, pair.Value)));
        }

        counts.Sort(static (x, y) => y.Count.CompareTo(x.Count));
        return counts;
    }
}
