namespace HvSdk.Buses;

/// <summary>A vCPU's place on a bus: it remembers the window it hit last, for guests mostly talk to one device at a time.</summary>
internal struct BusCursor
{
    private BusWindow[]? _windows;
    private BusWindow? _last;

    internal BusWindow? Find(DeviceBus bus, ulong address, int length)
    {
        BusWindow[] windows = bus.Snapshot;
        if (_last is { } last && _windows == windows && Holds(last, address, length))
        {
            return last;
        }

        return Search(windows, address, length);
    }

    private static bool Holds(BusWindow window, ulong address, int length) =>
        address - window.Address < window.Size && (ulong)length <= window.Size - (address - window.Address);

    private BusWindow? Search(BusWindow[] windows, ulong address, int length)
    {
        int low = 0;
        int high = windows.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            BusWindow window = windows[middle];
            if (address < window.Address)
            {
                high = middle - 1;
            }
            else if (address > window.Last)
            {
                low = middle + 1;
            }
            else if (Holds(window, address, length))
            {
                _windows = windows;
                _last = window;
                return window;
            }
            else
            {
                return null;
            }
        }

        return null;
    }
}
