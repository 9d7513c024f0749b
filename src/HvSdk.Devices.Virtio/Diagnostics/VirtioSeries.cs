namespace HvSdk.Devices.Virtio;

/// <summary>
/// What devices of one kind and name have counted together: those that are there, and those that were. Machines come and go, one after the other or at once, and have devices of the same name;
/// a counter that people add up must not fall for that.
/// </summary>
internal sealed class VirtioSeries(string device, string name)
{
    internal const int Requests = 0;
    internal const int BytesFromDriver = 1;
    internal const int BytesToDriver = 2;
    internal const int Errors = 3;
    internal const int Kicks = 4;
    internal const int Interrupts = 5;
    internal const int Faults = 6;

    private static readonly Func<VirtioEndpoint, long>[] s_numbers =
    [
        static x => x.Requests, static x => x.BytesFromDriver, static x => x.BytesToDriver, static x => x.Device.Errors, static x => x.Kicks, static x => x.Interrupts, static x => x.Faults,
    ];

    private readonly object _gate = new();
    private readonly List<Member> _members = [];
    private readonly long[] _retired = new long[s_numbers.Length];

    internal KeyValuePair<string, object?>[] Tags { get; } = [new("device", device), new("name", name)];

    internal KeyValuePair<string, object?>[] TagsFromGuest { get; } = [new("device", device), new("name", name), new("direction", "from_guest")];

    internal KeyValuePair<string, object?>[] TagsToGuest { get; } = [new("device", device), new("name", name), new("direction", "to_guest")];

    /// <summary>A device joins. It is not kept alive.</summary>
    internal void Add(VirtioEndpoint endpoint)
    {
        lock (_gate)
        {
            _members.RemoveAll(KeepIfGone);
            _members.Add(new Member(endpoint));
        }
    }

    /// <summary>A device has ended: what it has counted stays. The device is asked for its errors here, in whose code anything can happen.</summary>
    internal void Retire(VirtioEndpoint endpoint)
    {
        Member? member;
        lock (_gate)
        {
            member = _members.Find(member => member.Is(endpoint));
        }

        for (int number = 0; number < s_numbers.Length; number++)
        {
            member?.Read(number);
        }

        lock (_gate)
        {
            if (member is not null && _members.Remove(member))
            {
                Keep(member);
            }
        }
    }

    /// <summary>One number of all of them.</summary>
    internal long Read(int number)
    {
        long sum;
        Member[] members;
        lock (_gate)
        {
            sum = _retired[number];
            members = [.. _members];
        }

        foreach (Member member in members)
        {
            sum += member.Read(number);
        }

        return sum;
    }

    private bool KeepIfGone(Member member)
    {
        if (member.IsAlive)
        {
            return false;
        }

        Keep(member);
        return true;
    }

    private void Keep(Member member)
    {
        for (int number = 0; number < s_numbers.Length; number++)
        {
            _retired[number] += member.Told(number);
        }
    }

    /// <summary>A device, and what was last told of it: where nobody has ended it and it was collected, that still counts.</summary>
    private sealed class Member(VirtioEndpoint endpoint)
    {
        private readonly WeakReference<VirtioEndpoint> _endpoint = new(endpoint);
        private readonly long[] _told = new long[s_numbers.Length];

        public bool IsAlive => _endpoint.TryGetTarget(out _);

        public bool Is(VirtioEndpoint endpoint) => _endpoint.TryGetTarget(out VirtioEndpoint? target) && target == endpoint;

        public long Told(int number)
        {
            lock (_told)
            {
                return _told[number];
            }
        }

        public long Read(int number)
        {
            long now = _endpoint.TryGetTarget(out VirtioEndpoint? endpoint) ? s_numbers[number](endpoint) : 0;
            lock (_told)
            {
                return _told[number] = long.Max(_told[number], now); // another reader may have seen more
            }
        }
    }
}
