using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <summary>One port of a <see cref="ConsoleDevice"/>: a stream in each direction. Any thread may call any member.</summary>
public sealed class ConsolePort
{
    private readonly ConsoleDevice _device;
    private readonly Duplex _pipe;
    private uint _size;
    private bool _isGuestOpen;
    private bool _isOpen = true;
    private bool _isEnded;

    internal ConsolePort(ConsoleDevice device, int number, ConsolePortOptions options, Action wake)
    {
        _device = device;
        Number = number;
        Name = options.Name;
        IsConsole = options.IsConsole;
        _size = Pack(options.Columns, options.Rows);
        Output = new ConsoleOutput(options.BufferSize, options.WaitsForReader, wake);
        Input = new ConsoleInput(options.BufferSize, wake);
        _pipe = new Duplex(this);
    }

    /// <summary>Raised when <see cref="IsGuestOpen"/> has changed, on the device's worker or a vCPU's thread, which must not be kept: the device stands still meanwhile. An exception has the device ask to be reset.</summary>
    public event EventHandler? GuestOpenChanged;

    /// <summary>The port's number in its device, from 0.</summary>
    public int Number { get; }

    /// <summary>The name that a guest finds it by, or null.</summary>
    public string? Name { get; }

    /// <summary>It is a terminal.</summary>
    public bool IsConsole { get; }

    /// <summary>
    /// The host's side: it reads what the guest wrote and writes what the guest will read. Both wait for each other, within <see cref="ConsolePortOptions.BufferSize"/>. What
    /// the host writes waits until the guest has the port open. The streams go on across a reset of the guest, and end with the machine.
    /// </summary>
    public IDuplexPipe Pipe => _pipe;

    /// <summary>The guest has the port open: a program does, or, where the driver knows only one port, the driver is there.</summary>
    public bool IsGuestOpen => Volatile.Read(ref _isGuestOpen);

    /// <summary>
    /// What the guest is told of the host's side. True, the default: open. False: once the guest has read what was written before, its reads see the end, and its writes do
    /// not get through. A driver that knows only one port does not hear of it.
    /// </summary>
    public bool IsOpen
    {
        get => Volatile.Read(ref _isOpen);
        set
        {
            if (Volatile.Read(ref _isOpen) != value)
            {
                Volatile.Write(ref _isOpen, value);
                _device.Announce(this, DueMessages.Open);
            }
        }
    }

    /// <summary>Columns of the terminal; 0: not known.</summary>
    public int Columns => (ushort)Volatile.Read(ref _size);

    /// <summary>Rows of the terminal; 0: not known.</summary>
    public int Rows => (int)(Volatile.Read(ref _size) >> 16);

    /// <summary>Bytes of the guest that the port has taken.</summary>
    public long BytesFromGuest => Output.Taken;

    /// <summary>Bytes that the guest got.</summary>
    public long BytesToGuest => Input.Given;

    /// <summary>How many bytes of the guest were thrown away: the older ones of what nobody has read yet, what came after the reader was completed, and emergency writes without room.</summary>
    public long DiscardedBytes => Output.Discarded;

    internal ConsoleOutput Output { get; }

    internal ConsoleInput Input { get; }

    /// <summary>The two numbers of the size as the configuration space has them: columns in the low half.</summary>
    internal uint Size => Volatile.Read(ref _size);

    /// <summary>Tells the guest that the terminal has another size.</summary>
    /// <param name="columns">0 to 65535; 0: not known.</param>
    /// <param name="rows">0 to 65535; 0: not known.</param>
    /// <exception cref="InvalidOperationException">The port is no console.</exception>
    public void Resize(int columns, int rows)
    {
        RequireSize(columns, nameof(columns));
        RequireSize(rows, nameof(rows));
        if (!IsConsole)
        {
            throw new InvalidOperationException($"Port {Number} is a plain stream, which has no size. Make it with {nameof(ConsolePortOptions)}.{nameof(ConsolePortOptions.IsConsole)}.");
        }

        if (Interlocked.Exchange(ref _size, Pack(columns, rows)) != Pack(columns, rows))
        {
            _device.Announce(this, DueMessages.Resize);
        }
    }

    internal static void RequireSize(int value, string parameter)
    {
        if (value is < 0 or > ushort.MaxValue)
        {
            throw new ArgumentOutOfRangeException(parameter, value, $"A terminal has 0 to {ushort.MaxValue} columns and rows, and {parameter} is {value}. Give 0 where it is not known.");
        }
    }

    internal void SetGuestOpen(bool value)
    {
        if (Volatile.Read(ref _isGuestOpen) != value && !(value && Volatile.Read(ref _isEnded)))
        {
            Volatile.Write(ref _isGuestOpen, value);
            GuestOpenChanged?.Invoke(this, EventArgs.Empty);
        }
    }

    /// <summary>Ends both streams: the host's reader gets what is left and then the end, its writer is told that nobody reads any more.</summary>
    internal void End()
    {
        Volatile.Write(ref _isEnded, true);
        Output.End();
        Input.End();
        SetGuestOpen(false);
    }

    private static uint Pack(int columns, int rows) => (uint)columns | ((uint)rows << 16);

    private sealed class Duplex(ConsolePort port) : IDuplexPipe
    {
        public PipeReader Input => port.Output.Reader;

        public PipeWriter Output => port.Input.Writer;
    }
}
