namespace HvSdk.Devices.Emulated;

/// <content>Saved and loaded state.</content>
public sealed partial class PciHostBridge
{
    /// <summary>Takes the state out. What devices keep themselves, and the level of their pins, is theirs to save.</summary>
    public PciHostBridgeState SaveState()
    {
        List<PciFunctionState> functions = [];
        foreach (PciFunction? function in _functions)
        {
            if (function is not null)
            {
                functions.Add(function.SaveState());
            }
        }

        return new PciHostBridgeState { ConfigurationAddress = _address, Functions = functions };
    }

    /// <summary>Puts a state in. Windows move to where they were, and devices hear of it.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>, of a bridge with the same devices.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field.</exception>
    public void LoadState(PciHostBridgeState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        PciFunction[] functions = [.. _functions.OfType<PciFunction>()];
        StateField.RequireCount(state.Functions, functions.Length, nameof(state.Functions));
        for (int i = 0; i < functions.Length; i++)
        {
            functions[i].CheckState(state.Functions[i]);
        }

        _address = state.ConfigurationAddress & AddressBits;

        // All windows go before any comes: those of two devices may have traded places.
        Array.ForEach(functions, static function => function.UnmapAll());
        for (int i = 0; i < functions.Length; i++)
        {
            functions[i].LoadState(state.Functions[i]);
        }
    }
}
