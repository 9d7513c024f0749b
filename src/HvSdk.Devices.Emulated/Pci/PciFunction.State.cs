namespace HvSdk.Devices.Emulated;

/// <content>Saved and loaded state.</content>
internal sealed partial class PciFunction
{
    public PciFunctionState SaveState()
    {
        lock (_gate)
        {
            (byte[] table, ulong[] pending) = Interrupts.SaveMessages();
            return new PciFunctionState { Configuration = Space.Bytes.ToArray(), MessageTable = table, PendingMessages = pending };
        }
    }

    /// <summary>Refuses a state that is not of such a function.</summary>
    public void CheckState(PciFunctionState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateField.RequireCount(state.Configuration, PciHeader.Size, nameof(state.Configuration));
        (byte[] table, ulong[] pending) = Interrupts.SaveMessages();
        StateField.RequireCount(state.MessageTable, table.Length, nameof(state.MessageTable));
        StateField.RequireCount(state.PendingMessages, pending.Length, nameof(state.PendingMessages));
    }

    public void UnmapAll()
    {
        lock (_gate)
        {
            _bars.ForEach(static bar => bar.Unmap());
        }
    }

    /// <summary>Puts a state in that was checked.</summary>
    public void LoadState(PciFunctionState state)
    {
        lock (_gate)
        {
            // As a guest's write of all of it, which changes what a guest may; the registers that devices answer are theirs.
            Space.Write(0, [.. state.Configuration]);
            Interrupts.LoadMessages([.. state.MessageTable], [.. state.PendingMessages]);
            Update();
        }
    }
}
